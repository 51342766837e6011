/** System calls through JNR-FFI, typed and checked. The only package that knows numbers, layouts and the C library. */
package dev.starling.runtime.kernel;
