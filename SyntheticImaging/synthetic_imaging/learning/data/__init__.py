"""The user's images and labels as training cases.

| module | what it does |
|---|---|
| `listing` | finds image and label files in a folder, an nnU-Net folder or a MONAI datalist |
| `patients` | which patient a file is of; splitting by patient |
| `gridding` | an image onto the recipe's grid and back, with its exact place in the patient |
| `label_names` | a file's segments to the recipe's label values |
| `cases` | `FolderCases`: files as cases, kept in memory when they fit |
| `checks` | everything that is wrong with the files, said before the first step |
| `folder` | `read_folder`: all of this together |
| `augmentation` | crops, flips, intensity boosts and zero blocks |
"""
