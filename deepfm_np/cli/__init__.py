"""The command line: what is asked (`parser`), where rows come from (`loading`), and a module for each kind of job."""
