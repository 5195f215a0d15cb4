"""Where units run: one protocol, interchangeable engines."""
