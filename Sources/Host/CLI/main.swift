internal import ArgumentParser

Dandelion.main()
