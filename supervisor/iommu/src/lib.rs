//! IOMMU tables, commands and faults of AMD-Vi and VT-d, pure.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
