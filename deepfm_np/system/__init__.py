"""What the operating system lends: files, memory and threads."""
