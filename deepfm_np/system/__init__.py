"""The interface to the operating system: files, memory and threads."""
