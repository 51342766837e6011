/** Secrets on their way: sealed in the documents, asked for with a claim, held in memory for the tasks that run here. */
package dev.starling.node.secret;
