"""The cards of the sample models: Markdown with the Hub's front matter."""

from __future__ import annotations

CANCER_DATA = "Breast Cancer Wisconsin (Diagnostic), 569 rows, from scikit-learn"
DIABETES_DATA = "Diabetes (Efron et al. 2004), 442 rows, from scikit-learn"
DIGITS_DATA = "Optical Recognition of Handwritten Digits, 1,797 pictures, from scikit-learn"

CANCER = """\
---
license: bsd-3-clause
library_name: sklearn
pipeline_tag: tabular-classification
tags: [medicine, tabular, sample]
datasets: [breast-cancer-wisconsin]
metrics: [roc_auc, accuracy, f1]
---

# Breast cancer

Says whether a fine needle aspirate of a breast mass is **benign** or **malignant**, from thirty
measurements of the cell nuclei in its digitised picture.

## How it was made

Three versions on the same 426 rows: logistic regression, a random forest, and gradient boosting
behind a column transformer. The metrics are those of 143 rows that none of them has seen.

## Use it for

Learning how Vitrine works. **Not for diagnosis**: the data are from one hospital, from 1995.

## Limits

- One clinic, one way of measuring: expect a drop elsewhere.
- A row far outside the training range is answered all the same; the playground says so.
"""

DIABETES = """\
---
license: bsd-3-clause
library_name: onnx
pipeline_tag: tabular-regression
tags: [medicine, tabular, onnx, sample]
datasets: [diabetes]
metrics: [r2, rmse, mae]
---

# Diabetes progression

A number from 25 to 346: how far the disease has come a year after the baseline.

Ten columns: age (years), sex (1 or 2), body mass index, mean blood pressure, and six values of
blood serum.

## How it was made

A random forest of 150 trees on 331 rows, converted to ONNX with skl2onnx, so that it runs without
scikit-learn.

## Limits

The data explain less than half of the variance; treat the answer as a tendency.
"""

DIGITS = """\
---
license: bsd-3-clause
library_name: pytorch
pipeline_tag: image-classification
tags: [vision, digits, sample]
datasets: [optdigits]
metrics: [accuracy]
---

# Handwritten digits

Which digit is on a grey picture of 8×8 points. Drop any picture in the playground: it is made
small and grey for you. Bright strokes on a dark ground work, as in the training data.

## How it was made

Two convolutions and two dense layers, 25 epochs with Adam on 1,347 pictures. One version is
TorchScript, the other torch.export.

## Limits

Eight by eight is coarse: 3 and 8, or 1 and 7, are sometimes taken for each other.
"""
