"""The live table of a run: in the process that reports (`--watch`), and from another terminal (`watch`).

`table` draws what `reporting.progress.state` knows; `asking` says where that can be, `journals` and `following` learn
it from the files of a run that another process makes.
"""
