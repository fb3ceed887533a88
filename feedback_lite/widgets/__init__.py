"""The figures of the book: one class each, alive with a kernel in a notebook and without one on the page."""

from feedback_lite.lesson.literature import WORKS, Wiring, Work
from feedback_lite.lesson.wiring import Arrangement, Cell, longest_ways
from feedback_lite.widgets.bucket_explorer import BucketExplorer
from feedback_lite.widgets.cost_explorer import CostExplorer
from feedback_lite.widgets.figure import Figure
from feedback_lite.widgets.fill_in import FillIn
from feedback_lite.widgets.gate_explorer import GateExplorer
from feedback_lite.widgets.information_flow import InformationFlow
from feedback_lite.widgets.inside import ModelInside
from feedback_lite.widgets.layer_mixture import LayerMixture, accuracy_key, mixtures, softmax
from feedback_lite.widgets.lineage_map import LineageMap
from feedback_lite.widgets.live import LiveFigure, export
from feedback_lite.widgets.mask_explorer import MaskExplorer
from feedback_lite.widgets.memory_queue import MemoryQueue, count_paths, shortest_path
from feedback_lite.widgets.palette import PALETTE, layer_colours, matplotlib_style
from feedback_lite.widgets.predict import Predict
from feedback_lite.widgets.program_duel import ProgramDuel
from feedback_lite.widgets.question import Question
from feedback_lite.widgets.quiz import Quiz
from feedback_lite.widgets.runs_explorer import RunsExplorer
from feedback_lite.widgets.shell_duel import ShellDuel
from feedback_lite.widgets.speed_ladder import SpeedLadder
from feedback_lite.widgets.token_walk import TokenWalk, walks

__all__ = [
    "Arrangement",
    "Cell",
    "InformationFlow",
    "longest_ways",
    "BucketExplorer",
    "CostExplorer",
    "Figure",
    "FillIn",
    "GateExplorer",
    "LayerMixture",
    "LineageMap",
    "LiveFigure",
    "MaskExplorer",
    "MemoryQueue",
    "ModelInside",
    "PALETTE",
    "Predict",
    "ProgramDuel",
    "Question",
    "Quiz",
    "RunsExplorer",
    "ShellDuel",
    "SpeedLadder",
    "TokenWalk",
    "WORKS",
    "Wiring",
    "Work",
    "accuracy_key",
    "count_paths",
    "export",
    "layer_colours",
    "matplotlib_style",
    "mixtures",
    "shortest_path",
    "softmax",
    "walks",
]
