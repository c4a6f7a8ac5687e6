"""The bundled trainer: a compact transformer that says, in bits per byte, what a corpus is worth.

the model     shape: how large, of what parts, what it costs · transformer: attention, feed_forward,
              experts · families, export, loading: Hugging Face's architectures and folders
training      recipe: how · data: token shards -> windows · objectives: windows -> inputs and targets ·
              train: the loop, with optimiser, schedule, compute, parallel, checkpoint, metrics, reports ·
              search: a learning rate, and wider models
measuring     evaluate: texts -> bits per byte · heldout: by domain, with intervals · choices, text_scores,
              tasks: multiple choice, written texts, lm-eval · guard: no held-out text in training
using         generate · chat, answers, finetune: what an assistant learns from · serve
ablation      arms x seeds -> what each curation step is worth
cli           the commands of `curate`
"""
