"""Pure rules: frames and arrays in, frames and arrays out; time is an argument."""
