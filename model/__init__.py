"""The bundled trainer: a compact transformer that says, in bits per byte, what a corpus is worth.

architecture  shape: how large, of what parts, what it costs · transformer: attention, feed_forward, experts
data          token shards -> windows
training      recipe: how · objectives: windows -> inputs and targets · train: the loop, with optimiser,
              schedule, compute, parallel, checkpoint, metrics, reports · search: a learning rate, and wider
              models
checkpoints   families, export, loading: Hugging Face's architectures and folders
evaluation    evaluate: texts -> bits per byte · heldout: by domain, with intervals · choices, text_scores,
              tasks: multiple choice, written texts, lm-eval
use           generate · chat, answers, finetune: what an assistant learns from · serve
rows          questions, prompts and chats from JSON Lines
ablation      arms x seeds -> what each curation step is worth · guard: no held-out text in training
cli           the commands of `curate`
"""
