/** The only import of @pulumi/aws. Loading it takes most of a second, so only this platform loads it. */
export * as aws from "@pulumi/aws";
