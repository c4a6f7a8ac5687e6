"""How weights come about: the recipe, the loop, and what it needs of optimisers, devices and processes."""
