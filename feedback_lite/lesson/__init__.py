"""What the chapters teach with: proofs that two functions agree, sources to read, and checks of exercises."""

from feedback_lite.lesson.agreement import agree, difference
from feedback_lite.lesson.checking import check
from feedback_lite.lesson.showing import show, show_source

__all__ = ["agree", "check", "difference", "show", "show_source"]
