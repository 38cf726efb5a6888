"""The card and the automation of docs/parent/notifications.md, as they stand there, in a real Home Assistant."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from house import documented
from receivers import until
from whole_house import PATIENCE_S

HERE = Path(__file__).parent
FETCH = HERE.parent / "browser" / "fetch"
PICTURES = os.environ.get("PICTURES", "")  # a folder: what the documents show is written there too
SHORT_CRY_S, CRY_S = 8.0, 60.0
RINGS_WITHIN_S = 30.0 + PATIENCE_S  # the automation waits for half a minute itself


@pytest.fixture
def look(house):
    """look() -> what a browser shows of the card."""
    fetched = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True)
    if fetched.returncode:
        pytest.skip(fetched.stdout.strip())

    def look(picture=""):
        command = ["node", "card.mjs", house.home.url, house.home.token, picture]
        return json.loads(subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, check=True).stdout)

    return look


def test_the_card_shows_every_entity_of_a_baby_that_cries_and_the_phone_has_rung(house, look):
    house.wait_for(crying="off", microphone="healthy")
    house.play_cry(SHORT_CRY_S)
    house.wait_for(crying="on")
    house.wait_for(crying="off")
    house.play_cry(CRY_S, seed=4)
    house.wait_for(crying="on")
    seen = look(os.path.join(PICTURES, "home-assistant.png") if PICTURES else "")
    assert seen["title"] == "Nursery"
    states = {row["name"]: row["state"] for row in seen["texts"]}
    assert list(states) == re.findall(r"name: (.+)", documented()[0])
    assert seen["rows"] == len(states)  # no row is a warning in place of an entity
    assert states["Crying"] == "Detected" and states["Hearing"] == "Connected"
    assert re.fullmatch(r"-\d+ dBFS", states["Level"].replace("\N{MINUS SIGN}", "-"))
    assert re.fullmatch(r"\d+\s?%", states["Probability"])
    assert not {"Unavailable", "Unknown"} & set(states.values())
    until(lambda: len(house.home.rung()) > 1, PATIENCE_S)
    assert set(house.home.rung()) == {"The baby cries"}


def test_the_phone_rings_when_nobody_listens(house):
    house.wait_for(microphone="healthy")
    deaf = "The monitor does not hear"
    assert deaf not in house.home.rung()
    house.bridge.kill()
    house.bridge.wait()
    until(lambda: deaf in house.home.rung(), RINGS_WITHIN_S)
    house.start_bridge()
    house.wait_for(microphone="healthy", crying="off")
