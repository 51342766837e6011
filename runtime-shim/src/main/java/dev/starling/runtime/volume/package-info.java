/** Volumes of this node: their directories, and the file systems that their options mount there while containers use them. */
package dev.starling.runtime.volume;
