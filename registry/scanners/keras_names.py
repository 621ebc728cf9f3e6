"""What Keras itself can rebuild from a configuration, by the names it writes.

Source: keras 3.15 and Keras 2 of TensorFlow 2.15: public classes of `keras.layers`, `models`,
`initializers`, `regularizers`, `constraints`, `optimizers`, `losses`, `metrics`; `activations`.
"""

LAYERS = frozenset(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D
    AvgPool3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Convolution1D Convolution2D Convolution2DTranspose Convolution3D Cropping1D Cropping2D
    Cropping3D CuDNNGRU CuDNNLSTM CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot
    Dropout ELU EinsumDense Embedding Equalization Flatten Functional GRU GRUCell GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
    GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention GroupedQueryAttention HashedCrossing Hashing Identity InputLayer InputSpec
    InstanceNormalization IntegerLookup LSTM LSTMCell LayerNormalization LeakyReLU
    LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D
    MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp Model
    MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
    RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
    RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
    RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D
    SeparableConv2D SeparableConvolution1D SeparableConvolution2D Sequential SimpleRNN
    SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells StringLookup Subtract TextVectorization ThresholdedReLU
    TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D
    ZeroPadding2D ZeroPadding3D
    """.split()
)
OTHERS = frozenset(
    """
    AUC AbsMaxQuantizer Accuracy Adadelta Adafactor Adagrad Adam AdamW Adamax AutocastPolicy
    BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU CTC CategoricalAccuracy
    CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
    CategoricalHinge Circle CompileLoss CompileMetrics ConcordanceCorrelation Constant CosineDecay
    CosineDecayRestarts CosineSimilarity DTypePolicy DTypePolicyMap Dice ExponentialDecay F1Score
    FBetaScore FalseNegatives FalsePositives FloatDTypePolicy Ftrl GPTQDTypePolicy GlorotNormal
    GlorotUniform HeNormal HeUniform Hinge Huber IdentityInitializer InverseTimeDecay IoU
    KLDivergence KerasTensor L1 L1L2 L2 Lamb LearningRateSchedule LecunNormal LecunUniform Lion
    LogCosh LogCoshError LossScaleOptimizer MaxNorm Mean MeanAbsoluteError
    MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
    MeanSquaredLogarithmicError MetricsList MinMaxNorm Muon Nadam NonNeg OneHotIoU OneHotMeanIoU
    Ones Orthogonal OrthogonalInitializer OrthogonalRegularizer PearsonCorrelation
    PiecewiseConstantDecay Poisson Policy PolynomialDecay Precision PrecisionAtRecall
    QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer R2Score RMSprop RadialConstraint
    RandomNormal RandomUniform Recall RecallAtPrecision RootMeanSquaredError SGD STFT
    SeedGenerator SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
    SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum TensorShape
    TopKCategoricalAccuracy TrueNegatives TruePositives TruncatedNormal Tversky UnitNorm
    VarianceScaling Zeros
    """.split()
)
FUNCTIONS = frozenset(
    """
    accuracy binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
    categorical_crossentropy categorical_focal_crossentropy categorical_hinge celu circle
    cosine_similarity ctc dice elu exponential gelu glu hard_shrink hard_sigmoid hard_silu
    hard_swish hard_tanh hinge huber kl_divergence leaky_relu linear log_cosh log_sigmoid
    log_softmax mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error mish poisson relu relu6 selu sigmoid silu soft_shrink softmax
    softplus softsign sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus
    sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh
    tanh_shrink threshold top_k_categorical_accuracy tversky
    """.split()
)
"""Activations, losses and metrics that are functions."""
PARTS = frozenset(
    """
    activations constraints dtype_policies engine initializers layers legacy losses metrics
    mixed_precision models ops optimizers quantizers random regularizers
    """.split()
)
"""Packages of Keras whose classes are made from configurations: not utils, saving or callbacks."""
VALUES = frozenset(
    "__bytes__ __ellipsis__ __float__ __int__ __keras_tensor__ __list__ __numpy__ __slice__ "
    "__tensor__ __tuple__ __typespec__ __complex__ TypeSpec".split()
)
CODE = {
    "Lambda": "Python code",
    "__lambda__": "Python code",
    "TFSMLayer": "a TensorFlow SavedModel from a path",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "JaxLayer": "code in JAX",
    "FlaxLayer": "code in Flax",
}
