/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and versions. */
#include "fastrnn.h"

const char *fastrnn_status_text(fastrnn_status status) {
    switch (status) {
    case FASTRNN_OK:
        return "no error";
    case FASTRNN_ERROR_NULL:
        return "a pointer is NULL that must not be";
    case FASTRNN_ERROR_ENUM:
        return "a field of the spec is none of the values of its enum";
    case FASTRNN_ERROR_SIZE:
        return "a size is not positive, or proj_size is negative";
    case FASTRNN_ERROR_OVERFLOW:
        return "the sizes are too large to address";
    case FASTRNN_ERROR_PROJECTION:
        return "proj_size is for LSTM only and must be less than hidden_size";
    case FASTRNN_ERROR_UNUSED:
        return "an argument was given that this kind of stack does not have";
    case FASTRNN_ERROR_ISA:
        return "the instruction set is not to be had on this machine";
    case FASTRNN_ERROR_ALIGNMENT:
        return "memory must start at a multiple of 64 bytes, an array at one of its element size";
    case FASTRNN_ERROR_MEMORY:
        return "the memory has fewer bytes than asked for";
    case FASTRNN_ERROR_BIDIRECTIONAL:
        return "a bidirectional stack cannot be stepped, only run";
    case FASTRNN_ERROR_ROW:
        return "there is no such row in the batch";
    case FASTRNN_ERROR_VERSION:
        return "a struct's size is not set, too small, or covers fields this library does not know";
    case FASTRNN_ERROR_VALUE:
        return "clip must not be negative or NaN, alpha and beta must be finite";
    case FASTRNN_ERROR_FORMAT:
        return "the memory holds no stack of this library's format";
    }
    return "unknown status";
}

const char *fastrnn_isa_name(fastrnn_isa isa) {
    switch (isa) {
    case FASTRNN_ISA_AUTO:
        return "auto";
    case FASTRNN_ISA_SCALAR:
        return "scalar";
    case FASTRNN_ISA_NEON:
        return "neon";
    case FASTRNN_ISA_AVX2:
        return "avx2";
    case FASTRNN_ISA_AVX512:
        return "avx512";
    }
    return "unknown";
}

const char *fastrnn_version(void) { return FASTRNN_VERSION; }

int fastrnn_version_number(void) { return FASTRNN_VERSION_NUMBER; }

int fastrnn_api_version(void) { return FASTRNN_API_VERSION; }
