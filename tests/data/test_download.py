"""The command data, against a server on this machine that answers as real ones do, badly too."""

import hashlib
import io
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from deepfm_np.__main__ import main
from deepfm_np.data import download
from deepfm_np.data.download import ARCHIVES, Archive
from deepfm_np.system.lock import locked

pytest.importorskip("pooch", reason="pooch is not installed: pip install pooch")

NOISE = hashlib.shake_256(b"ratings").digest(200_000)  # does not shrink when zipped, so a half is several chunks
FILES = {"ml-1m/ratings.dat": NOISE, "ml-1m/users.dat": b"1::F::1::10::48067\n", "ml-1m/README": b"Terms of use"}


def zipped(files):
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Serves the server's `body`, whole or from the byte asked for, with the faults that are set on the server."""

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.knows_ranges else 0
        body = server.body[start:]
        self.send_response(206 if start else 200)
        if start:
            first = start + server.shifts_ranges_by
            self.send_header("Content-Range", f"bytes {first}-{len(server.body) - 1}/{len(server.body)}")
        if server.tells_length:
            self.send_header("Content-Length", str(len(body) + server.overstates_by))
        self.end_headers()
        self.wfile.write(body if server.breaks_off_after is None else body[: server.breaks_off_after])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server in a thread; movielens-1m is what it serves."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status, server.body, server.ranges = 200, zipped(FILES), []
        server.knows_ranges, server.tells_length, server.breaks_off_after = True, True, None
        server.overstates_by = server.shifts_ranges_by = 0
        server.url = f"http://127.0.0.1:{server.server_port}/ml-1m.zip"
        expect(monkeypatch, server, server.body)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def expect(monkeypatch, server, body):
    monkeypatch.setitem(ARCHIVES, "movielens-1m", Archive(server.url, len(body), hashlib.sha256(body).hexdigest()))


def run(capsys, folder):
    """Exit status, standard output and the lines of standard error after the first, which says what is fetched."""
    status = main(["data", "movielens-1m", "--to", str(folder)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()[1:]


def names(folder):
    return {path.name for path in folder.iterdir()}


def assert_unpacked(folder):
    assert names(folder) == {"ml-1m", "ml-1m.zip"}
    assert {f"ml-1m/{path.name}": path.read_bytes() for path in (folder / "ml-1m").iterdir()} == FILES


def test_the_archive_is_verified_unpacked_and_followed_by_the_command_that_trains_on_it(server, tmp_path, capsys):
    folder = tmp_path / "my data"
    status, out, err = run(capsys, folder)
    assert (status, err) == (0, [f"Its terms of use are in {folder / 'ml-1m' / 'README'}"])  # and no progress bar
    assert out == f"python -m deepfm_np train --data movielens-1m --path '{folder / 'ml-1m'}'\n"
    assert_unpacked(folder)


@pytest.mark.parametrize("have", [0, 50_000])
def test_a_terminal_shows_a_bar_that_ends_at_the_whole_archive(server, tmp_path, capsys, monkeypatch, have):
    (tmp_path / "ml-1m.zip.part").write_bytes(server.body[:have])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = run(capsys, tmp_path)
    size = f"{len(server.body) / 1000:.0f}k"
    assert "ml-1m.zip: 100%|" in err[-2]
    assert f" {size}/{size} [" in err[-2]


def test_what_is_there_is_not_downloaded_again(server, tmp_path, capsys):
    first = run(capsys, tmp_path)
    assert run(capsys, tmp_path) == first
    assert server.ranges == [None]


def test_a_relative_folder_is_printed_in_full(server, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "data")[1].endswith(f" --path {tmp_path / 'data' / 'ml-1m'}\n")


def test_the_default_folder_is_the_cache_of_the_user(server, tmp_path, capsys, monkeypatch):
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    assert main(["data", "movielens-1m"]) == 0
    assert_unpacked(tmp_path / "deepfm_np")


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_download_that_broke_off_is_continued(server, tmp_path, capsys, tells_length):
    server.breaks_off_after, server.tells_length = 120_000, tells_length
    status, out, err = run(capsys, tmp_path)
    part = tmp_path / "ml-1m.zip.part"
    have = part.stat().st_size
    assert 100_000 < have <= 120_000
    assert part.read_bytes() == server.body[:have]
    size = f"{have:,} of {len(server.body):,} bytes"
    assert (status, out) == (2, "")
    assert err == [f"deepfm_np data: error: {server.url} broke off after {size}; run this again to continue"]
    assert names(tmp_path) == {"ml-1m.zip.part"}
    server.breaks_off_after = None
    assert run(capsys, tmp_path)[0] == 0
    assert server.ranges == [None, f"bytes={have}-"]
    assert_unpacked(tmp_path)


def test_an_interrupted_download_is_continued(server, tmp_path, capsys, monkeypatch):
    def interrupt(bar, amount):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download.tqdm, "update", interrupt)
        status, _, err = run(capsys, tmp_path)
    assert (status, err) == (130, ["deepfm_np data: interrupted"])
    assert names(tmp_path) == {"ml-1m.zip.part"}
    have = (tmp_path / "ml-1m.zip.part").stat().st_size
    assert have > 0
    assert run(capsys, tmp_path)[0] == 0
    assert server.ranges == [None, f"bytes={have}-"]
    assert_unpacked(tmp_path)


def test_it_starts_anew_where_the_server_knows_no_ranges(server, tmp_path, capsys):
    server.knows_ranges = False
    (tmp_path / "ml-1m.zip.part").write_bytes(b"?" * 1000)
    assert run(capsys, tmp_path)[0] == 0
    assert server.ranges == ["bytes=1000-"]
    assert_unpacked(tmp_path)


def test_a_complete_part_is_not_asked_for_again(server, tmp_path, capsys):
    (tmp_path / "ml-1m.zip.part").write_bytes(server.body)
    assert run(capsys, tmp_path)[0] == 0
    assert server.ranges == []
    assert_unpacked(tmp_path)


def test_another_range_than_was_asked_for_is_refused(server, tmp_path, capsys):
    part = tmp_path / "ml-1m.zip.part"
    part.write_bytes(server.body[:1000])
    server.shifts_ranges_by = 1
    status, _, err = run(capsys, tmp_path)
    assert status == 2
    assert err[0].endswith(f"the server sent another range than was asked for; delete {part}")
    assert part.read_bytes() == server.body[:1000]


@pytest.mark.parametrize("overstates_by", [1, -1, 10**12])
def test_a_server_that_lies_about_the_length_is_refused_before_anything_is_read(
    server, tmp_path, capsys, overstates_by
):
    server.overstates_by = overstates_by
    status, out, err = run(capsys, tmp_path)
    size = len(server.body)
    assert (status, out) == (2, "")
    assert len(err) == 1
    assert f"the server offers {size + overstates_by} bytes where {size:,} bytes are missing" in err[0]
    assert names(tmp_path) == set()


def test_a_server_that_tells_no_length_and_sends_too_much_is_stopped(server, tmp_path, capsys):
    size = len(server.body)
    server.body, server.tells_length = server.body * 3, False
    status, _, err = run(capsys, tmp_path)
    assert status == 2
    assert err[0].endswith(f"the server sends more than the archive's {size:,} bytes")
    assert names(tmp_path) == {"ml-1m.zip.part"}
    assert (tmp_path / "ml-1m.zip.part").stat().st_size <= size


def test_other_bytes_of_the_same_length_are_thrown_away(server, tmp_path, capsys):
    right = server.body
    server.body = right[:5000] + b"?" + right[5001:]
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    assert len(err) == 1
    assert "SHA256 hash of downloaded file (ml-1m.zip) does not match the known hash" in err[0]
    assert names(tmp_path) == set()
    server.body = right
    assert run(capsys, tmp_path)[0] == 0
    assert_unpacked(tmp_path)


def by_hand(server, folder):
    return f"fetch it by hand, save it as {folder / 'ml-1m.zip'}, and run this again"


def test_an_error_of_the_server_says_what_to_fetch_by_hand(server, tmp_path, capsys):
    server.status = 404
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    said = f"{server.url} was answered by 404 Not Found (HTTPError); {by_hand(server, tmp_path)}"
    assert err == [f"deepfm_np data: error: {said}"]
    assert names(tmp_path) == set()


def test_without_network_it_says_what_to_fetch_by_hand_and_takes_it(server, tmp_path, capsys, monkeypatch):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen: nobody else can have the port, connections are refused
        nobody = Archive(f"http://127.0.0.1:{deaf.getsockname()[1]}/ml-1m.zip", *ARCHIVES["movielens-1m"][1:])
        monkeypatch.setitem(ARCHIVES, "movielens-1m", nobody)
        status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    said = f"{nobody.url} cannot be reached (ConnectionError); {by_hand(server, tmp_path)}"
    assert err == [f"deepfm_np data: error: {said}"]
    (tmp_path / "ml-1m.zip").write_bytes(server.body)
    assert run(capsys, tmp_path)[0] == 0
    assert_unpacked(tmp_path)


def test_a_wrong_archive_put_by_hand_is_refused_and_kept(server, tmp_path, capsys):
    (tmp_path / "ml-1m.zip").write_bytes(b"<html>Please log in</html>")
    status, _, err = run(capsys, tmp_path)
    assert status == 2
    assert err[0].startswith(f"deepfm_np data: error: {tmp_path / 'ml-1m.zip'} is not the archive of {server.url}")
    assert names(tmp_path) == {"ml-1m.zip"}
    assert server.ranges == []


def test_no_entry_of_an_archive_is_written_outside_its_folder(server, tmp_path, capsys, monkeypatch):
    strange = ["../up", "/root", "ml-1m/../../up", "ml-1m/..", "ml-1m/.hidden", "ml-1m/sub/file", "ml-1m\\..\\up"]
    server.body = zipped(FILES | {name: b"evil" for name in [*strange, "other/file", "C:/up", "ml-1m/C:up"]})
    expect(monkeypatch, server, server.body)
    folder = tmp_path / "a" / "b"
    assert run(capsys, folder)[0] == 0
    assert_unpacked(folder)
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == len(FILES) + 1


def test_an_archive_that_unpacks_to_too_much_is_refused(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 200_000)
    status, _, err = run(capsys, tmp_path)
    size = sum(map(len, FILES.values()))
    assert status == 2
    assert err[0].endswith(f"ml-1m.zip unpacks to {size:,} bytes; at most 200,000 are allowed")
    assert names(tmp_path) == {"ml-1m.zip"}


def test_an_unpacking_that_fails_leaves_no_folder(server, tmp_path, capsys, monkeypatch):
    def full(source, file):
        file.write(source.read(10))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "copyfileobj", full)
        status, _, err = run(capsys, tmp_path)
    assert (status, err) == (2, ["deepfm_np data: error: [Errno 28] No space left on device"])
    assert names(tmp_path) == {"ml-1m.zip"}
    assert run(capsys, tmp_path)[0] == 0
    assert server.ranges == [None]
    assert_unpacked(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock: nothing is locked there")
def test_two_processes_do_not_download_to_the_same_folder(server, tmp_path, capsys):
    with locked(tmp_path):
        status, _, err = run(capsys, tmp_path)
    assert status == 2
    assert f"{tmp_path} is being written by process {os.getpid()}" in err[0]
    assert server.ranges == []


def test_without_pooch_one_line_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    status, _, err = run(capsys, tmp_path / "new")
    url = ARCHIVES["movielens-1m"].url
    said = f"pip install pooch; or fetch {url}, unpack it, and give its folder as --path"
    assert (status, err) == (2, [f"deepfm_np data: error: downloading needs pooch, which is not installed: {said}"])
    assert not (tmp_path / "new").exists()


def test_train_without_a_path_names_the_command_that_downloads(capsys):
    assert main(["train", "--data", "movielens-100k"]) == 2
    assert "python -m deepfm_np data movielens-100k downloads it" in capsys.readouterr().err
