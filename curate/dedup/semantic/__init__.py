"""Documents that say the same in other words.

step                          the step `dedup_semantic`
embeddings embedding_model    vectors of documents, from files or a local model
kmeans                        clusters that are the same in every run
cosine within_clusters        who stays among similar vectors
report                        what each threshold would drop, with samples
"""
