RuntimeBench.main()
