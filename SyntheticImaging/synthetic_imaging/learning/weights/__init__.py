"""Trained models in files: a card beside the weights, checked before anything is read; the user's store; imports.

| module | what it does |
|---|---|
| `card` | what a model is: title, licence, training data, intended use, known failures, figures |
| `container` | the file: safetensors with card and settings in its header, checked without torch |
| `models` | `save_model`, `load_model` |
| `names` | shipped models, then the user's store, by name |
| `store` | the user's folder of weights |
| `importing` | a model file that the user has, into the store |
| `bundles`, `bundle_archive` | a MONAI bundle, after the user has said that its source is trusted |

Nothing is ever unpickled.
"""
