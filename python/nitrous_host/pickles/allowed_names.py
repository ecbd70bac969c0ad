"""
The names that files of fitted estimators need beside the estimators themselves, each by its exact module and name. The
rule for every entry: whatever a file passes to it, and fills it with, it computes and neither runs nor loads anything.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Tuple

Names = FrozenSet[Tuple[str, str]]


def _in(module: str, names: str) -> list[tuple[str, str]]:
    return [(module, name) for name in names.split()]


SIZES = ("", "32", "64")
DISTANCES = """Euclidean SEuclidean Manhattan Chebyshev Minkowski WMinkowski Mahalanobis Hamming Canberra BrayCurtis Jaccard
    Matching Dice Kulsinski RogersTanimoto RussellRao SokalMichener SokalSneath Haversine""".split()
SCALARS = """bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp uintp intc longlong ulonglong float16 float32
    float64 longdouble complex64 complex128 str_ bytes_ object_ datetime64 timedelta64 void"""
PANDAS_DTYPES = """CategoricalDtype DatetimeTZDtype BooleanDtype Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype
    UInt16Dtype UInt32Dtype UInt64Dtype Float32Dtype Float64Dtype"""
SPLITTERS = """KFold GroupKFold StratifiedKFold StratifiedGroupKFold TimeSeriesSplit LeaveOneOut LeavePOut LeaveOneGroupOut
    LeavePGroupsOut RepeatedKFold RepeatedStratifiedKFold ShuffleSplit GroupShuffleSplit StratifiedShuffleSplit PredefinedSplit
    _CVIterableWrapper"""
KERNELS = """CompoundKernel Sum Product Exponentiation ConstantKernel WhiteKernel RBF Matern RationalQuadratic ExpSineSquared
    DotProduct PairwiseKernel"""
LOSSES = """HalfSquaredError AbsoluteError PinballLoss HuberLoss HalfPoissonLoss HalfGammaLoss HalfTweedieLoss
    HalfTweedieLossIdentity HalfBinomialLoss HalfMultinomialLoss ExponentialLoss HalfBinomialLossArrayAPI
    HalfMultinomialLossArrayAPI HalfPoissonLossArrayAPI"""

# Classes whose instances are made empty and then filled by their state; no constructor of theirs runs.
FILLED_BY_STATE: Names = frozenset(
    [
        *_in("lightgbm.basic", "Booster"),
        *_in("pandas", f"DataFrame Series {PANDAS_DTYPES}"),
        *_in("pandas.arrays", "BooleanArray IntegerArray FloatingArray"),
        *_in("scipy.interpolate", "BSpline"),
        *((("scipy.sparse", f"{kind}_{form}")) for kind in ("csr", "csc", "coo", "bsr", "dia", "lil") for form in ("matrix", "array")),
        *_in("sklearn._loss.glm_distribution", "TweedieDistribution NormalDistribution PoissonDistribution GammaDistribution"),
        *_in("sklearn._loss.link", "Interval IdentityLink LogLink LogitLink HalfLogitLink MultinomialLogit"),
        *_in("sklearn._loss.loss", LOSSES),
        *_in("sklearn.calibration", "_CalibratedClassifier"),
        *_in("sklearn.cluster._birch", "_CFNode _CFSubcluster"),
        *_in("sklearn.cluster._bisect_k_means", "_BisectingTree"),
        *_in("sklearn.compose._column_transformer", "make_column_selector"),
        *_in("sklearn.covariance._graph_lasso", "_DictWithDeprecatedKeys"),
        *_in(
            "sklearn.ensemble._gb_losses",
            "BinomialDeviance MultinomialDeviance ExponentialLoss LeastSquaresError LeastAbsoluteError HuberLossFunction QuantileLossFunction",
        ),
        *_in(
            "sklearn.ensemble._hist_gradient_boosting.loss",
            "LeastSquares LeastAbsoluteDeviation Poisson BinaryCrossEntropy CategoricalCrossEntropy",
        ),
        *_in("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
        *_in("sklearn.gaussian_process.kernels", KERNELS),
        *_in("sklearn.linear_model._glm.link", "IdentityLink LogLink LogitLink"),
        *_in(
            "sklearn.metrics._scorer",
            "_Scorer _PredictScorer _ProbaScorer _ThresholdScorer _MultimetricScorer _PassthroughScorer _CurveScorer",
        ),
        *_in("sklearn.model_selection._split", SPLITTERS),
        *_in("sklearn.neural_network._stochastic_optimizers", "SGDOptimizer AdamOptimizer"),
        *_in("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest"),
        *_in("xgboost.callback", "EarlyStopping"),
        *_in("xgboost.core", "Booster"),
    ]
)

# Classes and functions that pickles call to make an object.
CALLED: Names = frozenset(
    [
        *_in("builtins", "set frozenset slice complex bytearray bytes range list dict tuple"),
        *_in("collections", "OrderedDict defaultdict deque Counter"),
        *_in("datetime", "date datetime time timedelta timezone"),
        *_in("numpy", "dtype"),
        *_in("numpy._core.multiarray", "_reconstruct scalar"),
        *_in("numpy._core.numeric", "_frombuffer"),
        *_in("numpy.ma.core", "_mareconstruct"),
        *_in("numpy.random", "__RandomState_ctor"),
        *_in("numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor"),
        *_in("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        *_in("pandas", "StringDtype Categorical"),
        *_in("pandas.arrays", "StringArray DatetimeArray TimedeltaArray"),
        *_in("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
        *_in("pandas._libs.internals", "_unpickle_block"),
        *_in("pandas._libs.tslibs.nattype", "_nat_unpickle"),
        *_in("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"),
        *_in("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"),
        *_in("pandas.core.indexes.base", "_new_Index"),
        *_in("pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
        *_in("pandas.core.internals.managers", "BlockManager SingleBlockManager"),
        *(("sklearn._loss._loss", f"{prefix}Cy{loss}") for loss in LOSSES.split() for prefix in ("", "__pyx_unpickle_")),
        *_in("sklearn._loss.glm_distribution", "DistributionBoundary"),
        *_in("sklearn.impute._iterative", "_ImputerTriplet"),
        *_in(
            "sklearn.linear_model._sgd_fast",
            "Hinge SquaredHinge ModifiedHuber EpsilonInsensitive SquaredEpsilonInsensitive Huber Log SquaredLoss",
        ),
        *((module, "newObj") for module in ("sklearn.metrics._dist_metrics", "sklearn.neighbors._dist_metrics")),
        *((module, "newObj") for module in ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree")),
        *_in("sklearn.tree._tree", "Tree"),
    ]
)

# Values that estimators hold: types, and functions that they were told to use. Pickles never call these.
VALUES: Names = frozenset(
    [
        *_in("builtins", "bool int float str object Ellipsis NotImplemented"),
        *_in("numpy", f"ndarray matrix mean median min max amin amax sum {SCALARS}"),
        *_in("numpy.ma", "MaskedArray"),
        *_in("numpy.random._mt19937", "MT19937"),
        *_in("numpy.random._pcg64", "PCG64 PCG64DXSM"),
        *_in("numpy.random._philox", "Philox"),
        *_in("numpy.random._sfc64", "SFC64"),
        *_in("numpy.random.bit_generator", "SeedSequence"),
        *_in("pandas", "Index RangeIndex MultiIndex DatetimeIndex TimedeltaIndex CategoricalIndex NA"),
        *_in("sklearn.cluster._kmeans", "_kmeans_single_lloyd _kmeans_single_elkan"),
        *_in("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression"),
        *_in("sklearn.feature_selection._univariate_selection", "f_classif f_oneway f_regression r_regression chi2"),
        *_in(
            "sklearn.metrics._classification",
            """accuracy_score balanced_accuracy_score brier_score_loss d2_brier_score d2_log_loss_score f1_score fbeta_score
            jaccard_score log_loss matthews_corrcoef precision_score recall_score cohen_kappa_score""",
        ),
        *_in("sklearn.metrics._ranking", "average_precision_score roc_auc_score top_k_accuracy_score"),
        *_in(
            "sklearn.metrics._regression",
            """d2_absolute_error_score explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error
            mean_gamma_deviance mean_poisson_deviance mean_squared_error mean_squared_log_error median_absolute_error r2_score
            root_mean_squared_error root_mean_squared_log_error""",
        ),
        *_in("sklearn.model_selection._search_successive_halving", "_refit_callable"),
        *_in("sklearn.metrics._scorer", "negative_likelihood_ratio positive_likelihood_ratio _passthrough_scorer"),
        *_in(
            "sklearn.metrics.cluster._supervised",
            """adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score homogeneity_score
            mutual_info_score normalized_mutual_info_score rand_score v_measure_score""",
        ),
        *(
            (module, f"{distance}Distance{size}")
            for module in ("sklearn.metrics._dist_metrics", "sklearn.neighbors._dist_metrics")
            for distance in DISTANCES
            for size in SIZES
        ),
        *((f"sklearn.neighbors._{kind.lower()[:-4]}_tree", f"{kind}{size}") for kind in ("KDTree", "BallTree") for size in SIZES),
    ]
)

# Universal functions, which FunctionTransformer is often given, are looked for here.
UFUNC_MODULES = frozenset(
    ["numpy", "numpy._core", "numpy._core.umath", "numpy._core._multiarray_umath", "scipy.special", "scipy.special._ufuncs"]
)

# Where things were, or are for a file, and where this list has them.
RENAMED: dict[tuple[str, str], tuple[str, str]] = {
    ("numpy.ma.core", "MaskedArray"): ("numpy.ma", "MaskedArray"),
    ("numpy.matrixlib.defmatrix", "matrix"): ("numpy", "matrix"),
    ("numpy.random.mtrand", "__randomstate_ctor"): ("numpy.random._pickle", "__randomstate_ctor"),
    ("sklearn.utils", "Bunch"): ("sklearn.utils._bunch", "Bunch"),
    ("scipy.interpolate._bsplines", "BSpline"): ("scipy.interpolate", "BSpline"),
    **{
        (f"scipy.sparse.{prefix}{kind}", f"{kind}_{form}"): ("scipy.sparse", f"{kind}_{form}")
        for prefix in ("", "_")
        for kind in ("csr", "csc", "coo", "bsr", "dia", "lil")
        for form in ("matrix", "array")
    },
    **{
        (f"pandas.core.{place}", name): ("pandas", name)
        for place, names in {
            "arrays.categorical": "Categorical",
            "frame": "DataFrame",
            "series": "Series",
            "indexes.base": "Index",
            "indexes.range": "RangeIndex",
            "indexes.multi": "MultiIndex",
            "indexes.datetimes": "DatetimeIndex",
            "indexes.timedeltas": "TimedeltaIndex",
            "indexes.category": "CategoricalIndex",
            "dtypes.dtypes": "CategoricalDtype DatetimeTZDtype",
            "arrays.string_": "StringDtype",
            "arrays.boolean": "BooleanDtype",
            "arrays.integer": "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype",
            "arrays.floating": "Float32Dtype Float64Dtype",
        }.items()
        for name in names.split()
    },
    **{
        (f"pandas.core.arrays.{place}", name): ("pandas.arrays", name)
        for place, name in {
            "boolean": "BooleanArray",
            "integer": "IntegerArray",
            "floating": "FloatingArray",
            "string_": "StringArray",
            "datetimes": "DatetimeArray",
            "timedeltas": "TimedeltaArray",
        }.items()
    },
}

# The first is part of discrete distributions; the function that anything else has in one is refused by its own name.
NEVER_USED: Names = frozenset(
    [("numpy", "vectorize"), ("joblib.memory", "Memory"), ("joblib._store_backends", "FileSystemStoreBackend")]
)
_DISTRIBUTION = re.compile(r"rv_\w+_frozen|rv_frozen|\w+_gen")


def is_never_used(module: str, name: str) -> bool:
    """Distributions of a randomised search and caches of a pipeline: fitting uses them, and prediction does not."""
    if module in {"scipy.stats._distn_infrastructure", "scipy.stats._continuous_distns", "scipy.stats._discrete_distns"}:
        return _DISTRIBUTION.fullmatch(name) is not None
    return (module, name) in NEVER_USED
