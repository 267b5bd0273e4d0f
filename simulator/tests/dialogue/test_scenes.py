"""The scenes of the server, replayed against the dialogue alone, with a shop in memory."""

import pytest

from nova_sonic_simulator.scenes import Scene, load_scenes, play
from support.paths import SCENES
from support.shop import DialogueDriver

pytestmark = pytest.mark.pure

# The shop in memory has the seven tools, and none of those that a reception's scenes need.
SCENES_READ = [
    scene
    for scene in (load_scenes(SCENES) if SCENES.is_dir() else [])
    if "reception" not in scene.tags
]


@pytest.mark.parametrize("scene", SCENES_READ, ids=[scene.id for scene in SCENES_READ])
async def test_scene_is_played_without_problems(scene: Scene) -> None:
    assert await play(scene, DialogueDriver()) == []
