print("dandelion")
