"""What a learner takes of a server: kernels and JupyterLab are asked for their own numbers."""

import re
from pathlib import Path

import pytest

from book.tools import demand
from book.tools.demand import lab, main, peak_of, server_mb, use_of
from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import ROOT, NotebookError, dumps
from book.tools.rehearse import read_plan
from tests.notebooks.building import code, notebook

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def chapter(folder: Path, source: str) -> Path:
    path = folder / "chapters" / "01-a.ipynb"
    path.parent.mkdir()
    path.write_text(dumps(stable(notebook(code(source)))))
    return path


def test_a_peak_is_in_millions_of_bytes() -> None:
    assert peak_of("VmPeak:\t 9000 kB\nVmHWM:\t  1000 kB\nVmRSS:\t 500 kB\n") == 1.024


def test_a_kernels_peak_and_seconds_are_measured_though_it_gave_the_memory_back(tmp_path: Path) -> None:
    path = chapter(tmp_path, "large = b'1' * 300_000_000\ndel large\nbusy = sum(range(3 * 10**7))")
    before = path.read_bytes()
    use = use_of(path)
    assert 320 < use.peak_mb < 600
    assert 0.3 < use.cpu_seconds < 60
    assert path.read_bytes() == before


def test_a_chapter_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match=r"01-a.ipynb: cell 1 .*ZeroDivisionError"):
        use_of(chapter(tmp_path, "1 / 0"))


def test_the_server_hands_out_the_chapters_and_ends(tmp_path: Path) -> None:
    chapter(tmp_path, "1")
    assert 30 < server_mb(["chapters/01-a.ipynb"], tmp_path) < 600
    with lab(tmp_path) as (pid, _):
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_what_is_printed_adds_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(demand, "use_of", lambda path: demand.Use(300.0 + 10 * int(path.name[:2]), 2.5))
    monkeypatch.setattr(demand, "server_mb", lambda paths: 100.0 * bool(paths))
    monkeypatch.setattr(demand, "build_font_cache", lambda: None)
    assert main(["90"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    *chapters, server, largest, together = lines
    assert {line[-1] for line in chapters} == {link.path for slot in read_plan("90") for link in slot.sections}
    memory = [float(line[0]) for line in chapters]
    assert float(server[0]) == 100
    assert float(largest[0]) == 100 + max(memory)
    assert float(together[0]) == 100 + sum(memory)
    assert float(together[1]) == 2.5 * len(chapters)


def test_what_the_notes_say_follows_from_their_table() -> None:
    notes = (ROOT / "book" / "workshop" / "notes.md").read_text(encoding="utf-8").split("## A JupyterHub for 200")[1]
    rows = re.findall(r"^\| (kernel of chapter (\d+)|\w.*?) \| (\d+) \| ([\d.]*) *\|$", notes, flags=re.MULTILINE)
    kernels = {int(chapter): (int(peak), float(seconds)) for _, chapter, peak, seconds in rows if chapter}
    planned = {int(link.path[9:11]) for slot in read_plan("90") for link in slot.sections}
    assert kernels.keys() == planned
    other = {name: int(peak) for name, chapter, peak, _ in rows if not chapter}
    server = other["JupyterLab's server"]
    kept, single = other["together, all kernels kept"], other["together, one kernel at a time"]
    assert kept == server + sum(peak for peak, _ in kernels.values())
    assert single == server + max(peak for peak, _ in kernels.values())
    seconds = sum(seconds for _, seconds in kernels.values())
    first = kernels[5][1]
    assert f"all five take {200 * kept / 1000:.0f} GB; with one kernel at a time, {200 * single / 1000:.0f} GB" in notes
    assert f"compute {200 * seconds:,.0f} seconds" in notes
    assert f"takes {first} seconds each, {200 * first:.0f} in all, and so {200 * first / 16:.0f} seconds" in notes
