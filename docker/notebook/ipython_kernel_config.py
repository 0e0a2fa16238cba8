"""Send a kernel's Java output to the container's log, not to the notebook. Each kernel reads this at its start."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.IPKernelApp.capture_fd_output = False
