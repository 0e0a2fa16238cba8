"""The `storeline` command: one file per verb, which nothing else imports."""
