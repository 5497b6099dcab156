# SPDX-License-Identifier: Apache-2.0
"""What was public is where it was: every path that programs may have imported."""

from importlib import import_module

import pytest

from processes import run_python

# Module -> its public names. It is written down, not gathered: what goes missing must show here.
PUBLIC = {
    "fastrnn": """
        GRU Input KerasTensor LSTM Layer Model RNN Sequential Stream Variable __version__
        activations backend callbacks charmodel cli constraints generate
        generation get_num_threads initializers io layers load losses metrics models
        optimizers preprocessing random reference regularizers set_num_threads show_config
        utils
    """,
    "fastrnn.activations": """
        Activation Elu Exponential Gelu HardSigmoid LeakyRelu Linear LogSoftmax Mish Relu
        Relu6 Selu Sigmoid Silu Softmax Softplus Softsign Tanh deserialize elu exponential
        gelu get hard_sigmoid leaky_relu linear log_softmax mish names relu relu6 selu
        serialize sigmoid silu softmax softplus softsign swish tanh
    """,
    "fastrnn.backend": """
        backend clear_session epsilon floatx get_value name_of set_floatx set_value
    """,
    "fastrnn.callbacks": """
        CSVLogger Callback CallbackList EarlyStopping History LambdaCallback
        LearningRateScheduler ModelCheckpoint ProgressBar ReduceLROnPlateau TerminateOnNaN
    """,
    "fastrnn.charmodel": """
        CharModel
    """,
    "fastrnn.cli": """
        CommandError main
    """,
    "fastrnn.constraints": """
        Constraint MaxNorm MinMaxNorm NonNeg UnitNorm deserialize get max_norm maxnorm
        min_max_norm non_neg nonneg serialize unit_norm unitnorm
    """,
    "fastrnn.generation": """
        beam_search chooser draw filter_top_k filter_top_p generate
    """,
    "fastrnn.initializers": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity Initializer
        LecunNormal LecunUniform Ones Orthogonal RandomInitializer RandomNormal
        RandomUniform TruncatedNormal VarianceScaling Zeros compute_fans constant
        deserialize get glorot_normal glorot_uniform he_normal he_uniform identity
        lecun_normal lecun_uniform normal one ones orthogonal random_normal random_uniform
        serialize truncated_normal uniform variance_scaling zero zeros
    """,
    "fastrnn.io": """
        FileFormatError read write
    """,
    "fastrnn.layers": """
        Activation Add AdditiveAttention Arithmetic Attention Average AveragePooling1D
        AvgPool1D BatchNormalization Bidirectional Concatenate CuDNNGRU CuDNNLSTM Dense Dot
        Dropout ELU Embedding Flatten GRU GaussianDropout GaussianNoise GetItem
        GlobalAveragePooling1D GlobalAvgPool1D GlobalMaxPool1D GlobalMaxPooling1D Input
        InputLayer LSTM Lambda Layer LayerNormalization LeakyReLU Masking MatMul MaxPool1D
        MaxPooling1D Maximum Minimum Multiply Permute ReLU RepeatVector Reshape SimpleRNN
        Softmax SpatialDropout1D Subtract TimeDistributed TimeDistributedDense add average
        concatenate custom_objects deserialize dot maximum minimum multiply serialize
        subtract
    """,
    "fastrnn.losses": """
        BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CosineSimilarity Hinge
        Huber KLD KLDivergence LogCosh Loss MAE MAPE MSE MSLE MeanAbsoluteError
        MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy SquaredHinge binary_crossentropy
        categorical_crossentropy categorical_hinge cosine_proximity cosine_similarity
        deserialize get hinge huber kind_of_targets kl_divergence kld
        kullback_leibler_divergence log_cosh logcosh mae mape mean_absolute_error
        mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mse
        msle poisson resolve serialize sparse_categorical_crossentropy squared_hinge
    """,
    "fastrnn.metrics": """
        AUC Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy
        CategoricalCrossentropy CategoricalHinge CosineSimilarity F1Score FBetaScore
        FalseNegatives FalsePositives Hinge KLDivergence LogCoshError Mean MeanAbsoluteError
        MeanAbsolutePercentageError MeanMetricWrapper MeanSquaredError
        MeanSquaredLogarithmicError Metric Poisson Precision R2Score Recall
        RootMeanSquaredError SparseCategoricalAccuracy SparseCategoricalCrossentropy
        SparseTopKCategoricalAccuracy SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives
        TruePositives binary_accuracy binary_crossentropy categorical_accuracy
        categorical_crossentropy categorical_hinge deserialize get hinge huber kl_divergence
        kullback_leibler_divergence log_cosh logcosh mae mape mean_absolute_error
        mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mse
        msle poisson resolve serialize sparse_categorical_accuracy
        sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
        top_k_categorical_accuracy weights_with_mask
    """,
    "fastrnn.models": """
        Input Model Sequential clone_model load_model model_from_json
    """,
    "fastrnn.optimizers": """
        Adadelta Adagrad Adam AdamW Adamax Nadam Optimizer RMSprop SGD adadelta adagrad adam
        adamax deserialize get nadam rmsprop schedules serialize sgd
    """,
    "fastrnn.optimizers.schedules": """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay
        LearningRateSchedule PiecewiseConstantDecay PolynomialDecay deserialize serialize
    """,
    "fastrnn.preprocessing": """
        Blocks Vocabulary fill_missing sequence text timeseries_dataset_from_array
    """,
    "fastrnn.preprocessing.sequence": """
        TimeseriesGenerator pad_sequences
    """,
    "fastrnn.preprocessing.text": """
        Tokenizer hashing_trick one_hot text_to_word_sequence tokenizer_from_json
    """,
    "fastrnn.random": """
        SeedGenerator checked_seed draw_seed generator set_seed
    """,
    "fastrnn.reference": """
        GRU LSTM Layer RNN Stream backward forward
    """,
    "fastrnn.regularizers": """
        L1 L1L2 L2 OrthogonalRegularizer Regularizer deserialize get l1 l1_l2 l1l2 l2
        orthogonal_regularizer serialize
    """,
    "fastrnn.utils": """
        PyDataset Sequence clear_session normalize np_utils pad_sequences set_random_seed
        timeseries_dataset_from_array to_categorical
    """,
}
# Old places of Keras and of ours, and a name that each has.
OLD_PLACES = {
    "fastrnn.engine": "Dense",
    "fastrnn.engine.base_layer": "Dense",
    "fastrnn.engine.input_layer": "Dense",
    "fastrnn.engine.sequential": "Sequential",
    "fastrnn.engine.topology": "Dense",
    "fastrnn.engine.training": "Sequential",
    "fastrnn.layers.advanced_activations": "Dense",
    "fastrnn.layers.convolutional": "Dense",
    "fastrnn.layers.core": "Dense",
    "fastrnn.layers.cudnn_recurrent": "Dense",
    "fastrnn.layers.embeddings": "Dense",
    "fastrnn.layers.merge": "Dense",
    "fastrnn.layers.noise": "Dense",
    "fastrnn.layers.recurrent": "Dense",
    "fastrnn.layers.wrappers": "Dense",
    "fastrnn.objectives": "mse",
    "fastrnn.optimizers.legacy": "Adam",
    "fastrnn.utils.data_utils": "to_categorical",
    "fastrnn.utils.generic_utils": "to_categorical",
}

NAMES = [(module, name) for module, names in PUBLIC.items() for name in names.split()]


@pytest.mark.filterwarnings("ignore::fastrnn._common.oldnames.OldNameWarning")
@pytest.mark.parametrize(("module", "name"), [*NAMES, *OLD_PLACES.items()])
def test_a_public_name_is_there(module, name):
    assert getattr(import_module(module), name) is not None


@pytest.mark.parametrize("module", sorted(set(PUBLIC) - {"fastrnn"}))
def test_each_module_may_be_the_first_that_is_imported(module):
    run_python(f"from {module} import {PUBLIC[module].split()[0]}; print(1)")


PROGRAM = """
import sys
from fastrnn.models import Sequential

model = Sequential.from_config({"name": "m", "trainable": True, "layers": [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "dtype": "float32",
                                            "name": "x"}},
    {"class_name": "Dense", "config": {"units": 2, "name": "d"}},
]})
model.summary(print_fn=lambda line: None)
model.save(sys.argv[1])
model.load_weights(sys.argv[1])
again = type(model).from_config(model.get_config())
print(model.to_json())
"""


def test_methods_of_a_model_need_no_further_import(tmp_path):
    path = str(tmp_path / "m.safetensors")
    described = run_python(f"import sys; sys.argv.append({path!r})\n{PROGRAM}")
    assert [layer["class_name"] for layer in described["config"]["layers"]] == [
        "InputLayer", "Dense"]
