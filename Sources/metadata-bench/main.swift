MetadataBench.main()
