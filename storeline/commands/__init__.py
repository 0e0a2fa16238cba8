"""The `storeline` command: one file for each verb, and none that anything else imports."""
