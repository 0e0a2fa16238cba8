"""What a kernel's Java says goes into the container's log, not into the notebook. Read by each kernel at its start."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.IPKernelApp.capture_fd_output = False
