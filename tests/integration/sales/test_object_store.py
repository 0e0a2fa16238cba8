"""The sales files in an object store: the same steps, with a server that speaks Amazon's protocol."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.integration.sales.conftest import DATE, Pipeline
from tests.stacks import free_ports

pytestmark = pytest.mark.integration


@pytest.fixture
def stored(empty: Pipeline) -> Iterator[Pipeline]:
    """Return the pipeline with its files in a bucket."""
    (port,) = free_ports(1)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{port}"
    pipeline = empty.configured(
        SALES_STORAGE="s3://shop/exports/sales", SALES_STORAGE_ENDPOINT=address, SALES_ROWS="5000"
    )
    try:
        system, _ = pipeline.folder("raw").storage.place
        assert type(system).__name__ == "S3FileSystem"
        yield pipeline
    finally:
        server.stop()


def test_the_steps_work_on_an_object_store_as_on_a_folder(stored: Pipeline) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=stored.settings.sales_storage_endpoint,
        aws_access_key_id=stored.settings.sales_storage_user,
        aws_secret_access_key=str(stored.settings.sales_storage_password),
        region_name="us-east-1",
    )
    code, said = stored.take("generate")
    assert code == 1
    assert said.startswith(f"generate: s3://shop/exports/sales/{DATE}/raw/"), said

    client.create_bucket(Bucket="shop")
    for _ in range(2):  # the second run leaves no file of the first one
        stored.run(upto="load")
    names = [one["Key"] for one in client.list_objects_v2(Bucket="shop")["Contents"]]
    wanted = {
        f"exports/sales/{DATE}/{folder}/{file}"
        for folder in ("raw", "clean", "rejected")
        for file in ("manifest.json", *(part.name for part in stored.folder(folder).read().parts))
    }
    assert {name for name in names if not name.endswith("/")} == wanted
    sown = stored.folder("raw").read().facts["sown"]
    assert stored.ask(f"select count(*) from sales.sales where run_date = '{DATE}'") == [(5000 - sum(sown.values()),)]

    part = stored.folder("clean").read().parts[0].name
    client.delete_object(Bucket="shop", Key=f"exports/sales/{DATE}/clean/{part}")
    code, said = stored.take("load")
    assert (code, said.splitlines()) == (
        1,
        [
            f"load: s3://shop/exports/sales/{DATE}/clean/{part} is missing, "
            f"{said.split('missing, ')[1].split(' ')[0]} were written: "
            "clear the step that wrote it, and it is written again"
        ],
    )
