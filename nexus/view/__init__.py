"""What people at a terminal see: an incident live, as lines or as a report, and what they are asked."""

from nexus.view.approval import Answer, ask_approval, ask_question
from nexus.view.evaluation import render_benchmark, render_eval_table
from nexus.view.live import LiveView
from nexus.view.recordings import render_ablation, render_recordings
from nexus.view.render import render_incident, render_list
from nexus.view.view import PlainView, QuietView, View

__all__ = [
    "Answer",
    "LiveView",
    "PlainView",
    "QuietView",
    "View",
    "ask_approval",
    "ask_question",
    "render_ablation",
    "render_benchmark",
    "render_eval_table",
    "render_incident",
    "render_list",
    "render_recordings",
]
