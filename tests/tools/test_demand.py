"""What a learner takes of a server: kernels and JupyterLab are asked for their own numbers."""

from pathlib import Path

import pytest

from book.tools import demand
from book.tools.demand import lab, main, peak_of, server_mb, use_of
from book.tools.notebooks.form import stable
from book.tools.notebooks.notebook import NotebookError, dumps
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
    assert [line[-1] for line in chapters] == sorted(line[-1] for line in chapters)
    assert "chapters/05-feedback-memory.ipynb" in [line[-1] for line in chapters]
    memory = [float(line[0]) for line in chapters]
    assert float(server[0]) == 100
    assert float(largest[0]) == 100 + max(memory)
    assert float(together[0]) == 100 + sum(memory)
    assert float(together[1]) == 2.5 * len(chapters)
