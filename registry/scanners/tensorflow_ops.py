"""Operations of TensorFlow by what they can do, by the names that graphs write.

Source: TensorFlow 2.19, `tensorflow.raw_ops`; those that only compute, and those that reach out.
"""

REACHING = frozenset(
    """
    ReadFile WriteFile MatchingFiles PyFunc PyFuncStateless EagerPyFunc Save
    SaveSlices PrintV2 Print WholeFileReader WholeFileReaderV2 TextLineReader TextLineReaderV2
    TFRecordReader TFRecordReaderV2 FixedLengthRecordReader FixedLengthRecordReaderV2
    LMDBReader IdentityReader IdentityReaderV2 ReaderRead ReaderReadV2 ReaderReadUpTo
    TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset
    FixedLengthRecordDatasetV2 SqlDataset CSVDataset CSVDatasetV2 LMDBDataset SnapshotDataset
    SnapshotDatasetV2 SaveDataset SaveDatasetV2 LoadDataset ListSnapshotChunksDataset
    CacheDataset CacheDatasetV2 DatasetToTFRecord DatasetFromGraph DatasetToGraph
    DatasetToGraphV2 GeneratorDataset DataServiceDataset DataServiceDatasetV2
    DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset RegisterDatasetV2 DebugIdentity
    DebugIdentityV2 DebugIdentityV3 DebugNumericSummary DebugNanCount RemoteCall
    RemoteFusedGraphExecute Send
    Recv _Send _Recv _HostSend _HostRecv CollectiveReduce CollectiveGather
    CollectiveBcastSend CollectiveBcastRecv CreateSummaryFileWriter CreateSummaryDbWriter
    SummaryWriter WriteSummary WriteGraphSummary WriteRawProtoSummary WriteScalarSummary
    ImportEvent FileSystemSetConfiguration MergeV2Checkpoints GetSessionHandle
    XlaHostCompute XlaCustomCall XlaCustomCallV2
    EncodeProto DecodeProtoV2     GcsConfigureCredentials GcsConfigureBlockCache     """.split()
)
"""They read or write files, speak to a network, or run Python or native code."""

COMPUTING = frozenset(
    """
    Abs Acos Acosh Add AddN AddV2 AdjustContrastv2 AdjustHue AdjustSaturation All Angle Any
    ApproximateEqual ArgMax ArgMin AsString Asin Asinh Assert Assign AssignAdd AssignAddVariableOp
    AssignSub AssignSubVariableOp AssignVariableOp Atan Atan2 Atanh AvgPool AvgPool3D AvgPoolGrad
    BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchNormWithGlobalNormalization BatchToSpace
    BatchToSpaceND BesselI0 BesselI0e BesselI1 BesselI1e Betainc BiasAdd BiasAddGrad BiasAddV1
    Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastGradientArgs
    BroadcastTo Bucketize Case Cast Ceil CheckNumerics Cholesky ClipByValue
    CombinedNonMaxSuppression Complex ComplexAbs Concat ConcatOffset ConcatV2 Conj
    ConjugateTranspose Const ControlTrigger Conv2D Conv2DBackpropFilter Conv2DBackpropInput Conv3D
    Conv3DBackpropInputV2 Cos Cosh CropAndResize Cross Cumprod Cumsum CumulativeLogsumexp
    DataFormatDimMap DataFormatVecPermute DecodeBase64 DecodeBmp DecodeCSV DecodeCompressed
    DecodeGif DecodeImage DecodeJSONExample DecodeJpeg DecodePaddedRaw DecodePng DecodeRaw
    DecodeWav DeepCopy DenseBincount DepthToSpace DepthwiseConv2dNative Dequantize
    DestroyResourceOp Diag DiagPart Digamma Dilation2D DisableCopyOnRead Div DivNoNan
    DrawBoundingBoxes DynamicPartition DynamicStitch Einsum Elu Empty EmptyTensorList EncodeBase64
    EncodeJpeg EncodePng EnsureShape Enter Equal Erf Erfc Erfinv EuclideanNorm Exit Exp ExpandDims
    Expm1 ExtractGlimpse ExtractGlimpseV2 ExtractImagePatches ExtractVolumePatches FFT FFT2D FFT3D
    FakeParam FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
    Fill Fingerprint Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3
    Gather GatherNd GatherV2 Greater GreaterEqual HSVToRGB HashTable HashTableV2 IFFT IFFT2D
    IFFT3D IRFFT IRFFT2D Identity IdentityN If Igamma Igammac Imag ImageProjectiveTransformV2
    ImageProjectiveTransformV3 InTopK InTopKV2 InitializeTableFromTextFile
    InitializeTableFromTextFileV2 InitializeTableV2 InplaceAdd InplaceUpdate Inv Invert
    InvertPermutation IsFinite IsInf IsNan IsVariableInitialized L2Loss LRN LeakyRelu LeftShift
    Less LessEqual Lgamma LinSpace Log Log1p LogMatrixDeterminant LogSoftmax LogicalAnd LogicalNot
    LogicalOr LookupTableExport LookupTableExportV2 LookupTableFind LookupTableFindV2
    LookupTableImport LookupTableImportV2 LookupTableInsertV2 LookupTableSize LookupTableSizeV2
    LoopCond LowerBound MatMul MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixSetDiag
    MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixTriangularSolve Max MaxPool MaxPool3D
    MaxPoolV2 MaxPoolWithArgmax Maximum Mean Merge MergeV2 Mfcc Min Minimum MirrorPad Mod Mul
    MulNoNan Multinomial MutableDenseHashTableV2 MutableHashTable MutableHashTableOfTensorsV2
    MutableHashTableV2 Neg NextAfter NextIteration NoOp NonMaxSuppression NonMaxSuppressionV2
    NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps
    NotEqual OneHot OnesLike OptionalFromValue OptionalGetValue OptionalHasValue OptionalNone Pack
    Pad PadV2 ParallelConcat ParallelDynamicStitch ParseExample ParseExampleV2
    ParseSequenceExample ParseSequenceExampleV2 ParseSingleExample ParseTensor PartitionedCall
    Placeholder PlaceholderV2 PlaceholderWithDefault Polygamma PopulationCount Pow PreventGradient
    Prod Qr QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2
    RFFT RFFT2D RGBToHSV RaggedBincount RaggedGather RaggedRange RaggedTensorFromVariant
    RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant RandomGamma RandomPoissonV2
    RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt Range Rank ReadVariableOp
    Real RealDiv Reciprocal ReduceJoin RefEnter RefExit RefIdentity RefMerge RefNextIteration
    RefSwitch RegexFullMatch RegexReplace Relu Relu6 ReluGrad Reshape ResizeArea ResizeBicubic
    ResizeBilinear ResizeNearestNeighbor ResourceGather ResourceGatherNd ResourceScatterAdd
    ResourceScatterUpdate Restore RestoreV2 Reverse ReverseSequence ReverseV2 RightShift Rint
    RngReadAndSkip Roll Round Rsqrt SaveV2 ScatterNd Select SelectV2 Selu SerializeTensor Shape
    ShapeN ShardedFilename ShardedFilespec Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax
    Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth SparseConcat SparseCross
    SparseCrossHashed SparseCrossV2 SparseFillEmptyRows SparseMatMul SparseReduceMax
    SparseReduceSum SparseReorder SparseReshape SparseSegmentMean SparseSegmentMeanWithNumSegments
    SparseSegmentSqrtN SparseSegmentSqrtNWithNumSegments SparseSegmentSum
    SparseSegmentSumWithNumSegments SparseSlice SparseSoftmax SparseSplit SparseTensorDenseAdd
    SparseTensorDenseMatMul SparseToDense Split SplitV Sqrt Square SquaredDifference Squeeze
    StackPopV2 StackPushV2 StackV2 StatefulPartitionedCall StatefulRandomBinomial
    StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformInt
    StatelessCase StatelessIf StatelessMultinomial StatelessRandomGetAlg
    StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
    StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal
    StatelessTruncatedNormalV2 StatelessWhile StaticRegexFullMatch StaticRegexReplace StopGradient
    StridedSlice StridedSliceGrad StringFormat StringJoin StringLength StringLower StringNGrams
    StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast
    StringToHashBucketStrong StringToNumber StringUpper Sub Substr Sum Svd Switch SymbolicGradient
    Tan Tanh TanhGrad TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3
    TensorArrayScatterV3 TensorArraySizeV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcat
    TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
    TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListReserve
    TensorListResize TensorListScatter TensorListScatterV2 TensorListSetItem TensorListSplit
    TensorListStack TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
    TensorScatterUpdate TensorStridedSliceUpdate Tile TopK TopKV2 Transpose TridiagonalSolve
    TruncateDiv TruncateMod TruncatedNormal UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode
    UnicodeScript UnicodeTranscode Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack
    UnravelIndex UnsortedSegmentJoin UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
    UnsortedSegmentSum UpperBound VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2
    Where While Xdivy Xlog1py Xlogy ZerosLike Zeta _Arg _FusedConv2D _FusedMatMul _Retval
    """.split()
)
"""They compute, keep variables, look up tables, or save and restore the model's own weights."""
