runCrasher()
