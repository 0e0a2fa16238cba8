"""JupyterHub for one user, whose kernels find the databases and the cluster; read by `jupyterhub` at its start."""

import os
from pathlib import Path

from notebooks import kernel
from storeline.settings import load

c = get_config()  # type: ignore[name-defined]  # noqa: F821
settings = load()

c.JupyterHub.bind_url = "http://0.0.0.0:8000"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = str(settings.notebook_password)
c.Authenticator.allowed_users = {settings.notebook_user}

# Hub, server and kernels run as one user in one container: docs/security.md explains the consequences.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(Path.home())
c.Spawner.default_url = "/lab/tree/explore.ipynb"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
# Kernels get the container's environment, except the hub's login.
c.Spawner.env_keep = sorted(set(os.environ) - {"NOTEBOOK_PASSWORD"})
c.Spawner.environment = kernel.environment(settings)
# An idle kernel is culled even while its page is open: it holds memory and slots of the cluster.
c.Spawner.args = [
    f"--MappingKernelManager.cull_idle_timeout={settings.notebook_idle_seconds}",
    f"--MappingKernelManager.cull_interval={max(5, settings.notebook_idle_seconds // 10)}",
    "--MappingKernelManager.cull_connected=True",
]
