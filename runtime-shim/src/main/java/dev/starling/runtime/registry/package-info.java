/** Image registries over HTTP: the OCI distribution protocol, who may pull, which hosts are trusted how, and how fast. */
package dev.starling.runtime.registry;
