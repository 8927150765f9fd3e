/* Clears what dense_body.h was given, before the next precision. */
#undef T
#undef S
#undef W
#undef VEC
#undef IVEC
#undef MASK
#undef mask_of
#undef load
#undef store
#undef load_mask
#undef store_mask
#undef spread
#undef fma
#undef sum_lanes
#undef FEW_COLUMNS
