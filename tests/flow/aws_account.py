"""An AWS account on loopback with what a deployment needs: a bucket, a role, and a queue of AWS Batch."""

import json
from dataclasses import dataclass

import boto3


@dataclass(frozen=True)
class Account:
    """Names in the account."""

    bucket: str
    role: str
    queue: str


def make_account() -> Account:
    """Make what a deployment needs at the server that AWS_ENDPOINT_URL names."""
    boto3.client("s3").create_bucket(Bucket="recommendations")
    role = boto3.client("iam").create_role(RoleName="nights", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    profile = boto3.client("iam").create_instance_profile(InstanceProfileName="machines")["InstanceProfile"]["Arn"]
    ec2, batch = boto3.client("ec2"), boto3.client("batch")
    machines = {
        "type": "EC2",
        "minvCpus": 0,
        "maxvCpus": 4,
        "instanceTypes": ["m5.large"],
        "instanceRole": profile,
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
    place = batch.create_compute_environment(
        computeEnvironmentName="machines", type="MANAGED", computeResources=machines, serviceRole=role
    )["computeEnvironmentArn"]
    order = [{"order": 1, "computeEnvironment": place}]
    batch.create_job_queue(jobQueueName="nights", state="ENABLED", priority=1, computeEnvironmentOrder=order)
    return Account("recommendations", role, "nights")
