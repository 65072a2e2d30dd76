package sns
