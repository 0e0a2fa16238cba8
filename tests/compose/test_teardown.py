"""The last test: what was started is gone."""

import pytest

from tests.compose.project import Project

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.slow(reason="every container stops")
def test_down_with_volumes_leaves_nothing(project: Project) -> None:
    volumes = {mount["Name"] for one in project.containers() for mount in one["Mounts"] if mount["Type"] == "volume"}
    assert len(volumes) >= 7
    # The network of a profile goes only with the profile.
    project.compose("--profile", "changes", "down", "--volumes")
    assert project.leftovers() == []
    assert not volumes & set(project.run("docker", "volume", "ls", "--quiet").split())
