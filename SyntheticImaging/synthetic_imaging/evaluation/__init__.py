"""What synthetic images are worth: likeness, diversity, copying, overlap, surfaces, agreement, and how sure one can be.

Arrays in, numbers out; nothing here knows a file, a scene or a model.

- `image_quality`: PSNR, NMSE, MAE, RMSE; `structural_similarity`: SSIM, MS-SSIM, diversity within a set.
- `features`: what turns a volume into a vector; `frechet`, `discrepancy` (MMD), `manifold` (precision, recall, density,
  coverage): distances between a real and a generated set; `copying`: are they copies of the training images?
- `overlap`, `surfaces`: segmentations against a reference; `agreement`: measurements against measurements.
- `statistics`, `paired`: intervals and tests, over cases and over seeds.
"""
