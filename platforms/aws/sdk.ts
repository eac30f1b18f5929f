/** The one place where @pulumi/aws comes in: loading it costs most of a second, so only this platform does. */
export * as aws from "@pulumi/aws";
