"""What the graphs of a SavedModel may do: those that nobody trusts compute, and touch neither files nor Python."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator

from tensorflow.python.saved_model import loader_impl

from nitrous_host.errors import HostError, trace
from nitrous_host.model import LoadRequest
from nitrous_host.untrusted_code import refuse_code

# They call Python functions of the process that saved the model, which no other process has.
PYTHON = re.compile(r"(Eager)?PyFunc(Stateless)?")
# Operations that read or write files, or speak with other machines. Vocabulary files that a SavedModel brings as assets
# (InitializeTableFromTextFile) are ordinary.
REACHING = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|.*Reader(V2)?|LoadAndRemapMatrix|Create.*SummaryWriter|CreateSummaryDbWriter|Write.*Summary"
    r"|(Experimental)?(DatasetToTFRecord|MatchingFilesDataset|SqlDataset|StatsAggregator.*)"
    r"|(TextLine|TFRecord|FixedLengthRecord|Cache|Snapshot\w*|ListSnapshotChunks|Load|Save|Sql|MatchingFiles)Dataset(Reader)?(V2)?"
    r"|DataService.*|RegisterDataset.*|DumpTensor|DebugIdentity.*|DebugNumericSummary.*|DebugNanCount|Rpc.*|RemoteCall|FileSystemSetConfiguration"
    r"|CalibrationStatisticsSaver|GenerateVocabRemapping|.*KafkaDataset.*|Lmdb.*|LMDB.*|XlaCustomCall.*|Sstable.*"
)
# Checkpoints: every SavedModel has these in the functions that save and restore it, which are not served.
CHECKPOINTS = re.compile(r"Save|SaveSlices|SaveV2|Restore|RestoreSlice|RestoreV2|MergeV2Checkpoints|DTensorRestoreV2|DistributedSave")
SAVES = re.compile(r"Save|SaveSlices|SaveV2|MergeV2Checkpoints|DistributedSave")


def parse(folder: str) -> Any:
    """The SavedModel protocol buffer of a folder. Raises HostError INVALID_ARGUMENT."""
    try:
        return loader_impl.parse_saved_model(folder)
    except Exception as error:
        message = "saved_model.pb is not a whole SavedModel: copy it again, or write it again with tf.saved_model.save"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error


def checked_tags(saved: Any) -> tuple[list[str] | None, str]:
    """The tags of the graph to serve (None for the only one), and the version of TensorFlow that made it."""
    graphs = {frozenset(graph.meta_info_def.tags): graph for graph in saved.meta_graphs}
    if not graphs:
        raise HostError("INVALID_ARGUMENT", "the SavedModel has no graph: write it again with tf.saved_model.save")
    chosen = next(iter(graphs)) if len(graphs) == 1 else frozenset({"serve"})
    if chosen not in graphs:
        listed = "; ".join(", ".join(sorted(tags)) for tags in graphs)
        raise HostError("INVALID_ARGUMENT", f"the SavedModel has several graphs and none with the tag serve alone, only: {listed}")
    return (None if len(graphs) == 1 else sorted(chosen)), graphs[chosen].meta_info_def.tensorflow_version


def check_ops(saved: Any, request: LoadRequest) -> None:
    """Raises HostError: INVALID_ARGUMENT for Python functions, PERMISSION_DENIED for what reaches files when nobody trusts the model."""
    for graph in saved.meta_graphs:
        functions = {function.signature.name: function for function in graph.graph_def.library.function}
        everywhere = [*graph.graph_def.node, *(node for function in functions.values() for node in function.node_def)]
        for node in everywhere:
            if PYTHON.fullmatch(node.op):
                called = f"the SavedModel calls Python ({node.op}: tf.py_function or tf.numpy_function)"
                way = "write it with TensorFlow's own operations"
                raise HostError("INVALID_ARGUMENT", f"{called}, which only the process that saved it has: {way}")
        if request.code:
            continue
        for node in everywhere:
            if REACHING.fullmatch(node.op) or _prints_to_file(node):
                raise _refused(node)
        for node in _reached(graph, functions, _served(graph)):
            if CHECKPOINTS.fullmatch(node.op):
                raise _refused(node)
        # TensorFlow 1's way of loading runs this one.
        for node in _reached(graph, functions, [("node", _node_of(graph.saver_def.restore_op_name))]):
            if SAVES.fullmatch(node.op):
                raise _refused(node)


def _served(graph: Any) -> list[tuple[str, str]]:
    """What signatures, initialisation and the object's functions begin with: nodes and functions by name."""
    outputs = [tensor.name for signature in graph.signature_def.values() for tensor in signature.outputs.values()]
    listed = [value for collection in graph.collection_def.values() for value in collection.node_list.value]
    nodes = [_node_of(name) for name in [*outputs, *listed] if name != graph.saver_def.restore_op_name]
    return [*(("node", name) for name in nodes), *(("function", name) for name in graph.object_graph_def.concrete_functions)]


def _reached(graph: Any, functions: dict[str, Any], roots: list[tuple[str, str]]) -> Iterator[Any]:
    """The operations that some nodes and functions lead to."""
    nodes = {node.name: node for node in graph.graph_def.node}
    reached: set[str] = set()
    pending = list(roots)
    while pending:
        kind, name = pending.pop()
        if f"{kind} {name}" in reached:
            continue
        reached.add(f"{kind} {name}")
        if kind == "function":
            members = list(functions[name].node_def) if name in functions else []
        else:
            members = [nodes[name]] if name in nodes else []
            pending += [("node", _node_of(source)) for member in members for source in member.input]
        for member in members:
            yield member
            pending += [("function", function) for function in _functions_of(member, functions)]


def _functions_of(node: Any, functions: dict[str, Any]) -> Iterable[str]:
    for value in node.attr.values():
        yield from ([value.func.name] if value.func.name else [])
        yield from (each.name for each in value.list.func)
    if node.op in functions:
        yield node.op


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _prints_to_file(node: Any) -> bool:
    if node.op != "PrintV2":
        return False
    stream = node.attr["output_stream"].s
    return stream != b"" and not stream.startswith((b"stdout", b"stderr", b"log("))


def _refused(node: Any) -> HostError:
    return refuse_code(f"the SavedModel has the operation {node.op} ('{node.name}'), which reaches files or other machines")
