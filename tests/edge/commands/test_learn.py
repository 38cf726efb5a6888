"""[learn] as a parent sees it: what a mark leaves on the disk, what doctor says of it, that purge takes it away."""

import os

import pytest
from daemon_process import wait_for
from verifier_bundle import quiet, tone, write_verifier_bundle

from edge.bundle import load_bundle
from edge.errors import UserError
from edge.learning.marked_file import read_kept


@pytest.fixture
def configured(tmp_path):
    """(path of a configuration with [learn] on, of the folder of what is kept)."""
    bundle = write_verifier_bundle(tmp_path)
    try:
        load_bundle(str(bundle))
    except UserError as error:
        pytest.skip(str(error))
    config = tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{0}/night.db"\n[socket]\npath = "{0}/s"\n'
        "[learn]\nenabled = true\n".format(tmp_path)
    )
    return config, str(tmp_path / "night.db.learn")


def learning_of(finished):
    (found,) = [fields for fields in finished.objects() if fields["name"] == "learning"]
    return found


@pytest.mark.once
def test_a_night_that_is_marked_is_kept_said_and_purged(start, run, configured, validate):
    config, folder = configured
    monitor = start("run", "--config", config)
    wait_for(monitor, "READY")
    for samples in (quiet(2), tone(6), quiet(9)):
        monitor.stdin.buffer.write((samples * 32767).astype("<i2").tobytes())
    monitor.stdin.flush()
    wait_for(monitor, "event: cried")
    assert read_kept(folder).episodes == []
    assert run("mark", "last", "cry", "--config", config).status == 0
    assert [episode.mark for episode in read_kept(folder).episodes] == ["cry"]

    looked = run("doctor", "--privacy", "--pid", monitor.pid, "--config", config, "--json")
    validate(looked.objects(), "doctor")
    learning = learning_of(looked)
    assert learning["state"] == "ok" and "1 marked events" in learning["found"]
    said = " ".join(learning["evidence"])
    assert folder in said and "24 h at most" in said and "store.keep_days = 90" in said
    monitor.kill()

    database = folder[: -len(".learn")]
    assert run("mark", "last", "none", "--db", database).status == 0  # no monitor runs
    assert read_kept(folder).episodes == []


def test_purge_takes_it_away_whatever_is_there(run_here, configured, tmp_path):
    from edge.records import Event
    from edge.store import Store

    _, folder = configured
    os.makedirs(folder)
    with open(os.path.join(folder, "marked.json"), "w") as file:
        file.write("damaged")
    with Store(str(tmp_path / "night.db")) as store:
        store.add_event(Event(0, 30.0, 0.9), 1.7e9)
    assert run_here("purge", "--all", "--yes", "--db", tmp_path / "night.db").status == 0
    assert os.listdir(folder) == []
