/** Container logs in Docker's json-file format. */
package dev.starling.runtime.logs;
