"""Use case 1: diabetes in the Pima figures – dataset, features and spec."""
