-- Queries over TPC-H's tables: those of its 22 that plans can say, in words of our own, and others. "-- NAME" heads each.

-- other0
select count(*) from lineitem;
-- Q1
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price, sum(l_extendedprice * (1 -
l_discount)) as sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as avg_qty,
avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order from lineitem where l_shipdate <= date
'1998-12-01' - interval '90' day group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus;
-- Q3
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority from customer, orders, lineitem
where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15' and
l_shipdate > date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10;
-- Q5
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, supplier, nation, region where
c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey and s_nationkey =
n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and o_orderdate < date
'1994-01-01' + interval '1' year group by n_name order by revenue desc;
-- Q6
select sum(l_extendedprice * l_discount) as revenue from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date
'1994-01-01' + interval '1' year and l_discount between 0.06 - 0.01 and 0.06 + 0.01 and l_quantity < 24;
-- Q7
select supp_nation, cust_nation, l_year, sum(volume) as revenue from (select n1.n_name as supp_nation, n2.n_name as cust_nation,
extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume from supplier, lineitem, orders, customer,
nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey =
n1.n_nationkey and c_nationkey = n2.n_nationkey and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY') or (n1.n_name = 'GERMANY'
and n2.n_name = 'FRANCE')) and l_shipdate between date '1995-01-01' and date '1996-12-31') as shipping group by supp_nation,
cust_nation, l_year order by supp_nation, cust_nation, l_year;
-- Q8
select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share from (select extract(year from
o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation from part, supplier, lineitem, orders,
customer, nation n1, nation n2, region where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = o_orderkey and
o_custkey = c_custkey and c_nationkey = n1.n_nationkey and n1.n_regionkey = r_regionkey and r_name = 'AMERICA' and s_nationkey =
n2.n_nationkey and o_orderdate between date '1995-01-01' and date '1996-12-31' and p_type = 'ECONOMY ANODIZED STEEL') as
all_nations group by o_year order by o_year;
-- Q9
select nation, o_year, sum(amount) as sum_profit from (select n_name as nation, extract(year from o_orderdate) as o_year,
l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount from part, supplier, lineitem, partsupp, orders, nation
where s_suppkey = l_suppkey and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey and o_orderkey =
l_orderkey and s_nationkey = n_nationkey and p_name like '%green%') as profit group by nation, o_year order by nation, o_year desc;
-- Q10
select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name, c_address, c_phone, c_comment
from customer, orders, lineitem, nation where c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate >= date
'1993-10-01' and o_orderdate < date '1993-10-01' + interval '3' month and l_returnflag = 'R' and c_nationkey = n_nationkey group
by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment order by revenue desc limit 20;
-- Q12
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high_line_count,
sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low_line_count from orders,
lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate and l_shipdate <
l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1994-01-01' + interval '1' year group by l_shipmode
order by l_shipmode;
-- Q14
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1
- l_discount)) as promo_revenue from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '1995-09-01' and l_shipdate
< date '1995-09-01' + interval '1' month;
-- Q19
select sum(l_extendedprice* (1 - l_discount)) as revenue from lineitem, part where (p_partkey = l_partkey and p_brand = 'Brand#12'
and p_container in ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG') and l_quantity >= 1 and l_quantity <= 1 + 10 and p_size between 1
and 5 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON') or (p_partkey = l_partkey and p_brand =
'Brand#23' and p_container in ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK') and l_quantity >= 10 and l_quantity <= 10 + 10 and
p_size between 1 and 10 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON') or (p_partkey = l_partkey
and p_brand = 'Brand#34' and p_container in ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') and l_quantity >= 20 and l_quantity <= 20 +
10 and p_size between 1 and 15 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON');
-- other12
select c_custkey, count(o_orderkey) c_count from customer left join orders on c_custkey = o_custkey and o_comment not like
'%special%requests%' group by c_custkey order by c_count desc, c_custkey limit 20;
-- other13
select distinct c_mktsegment from customer order by 1;
-- other14
select n_name, r_name from nation join region on n_regionkey = r_regionkey where r_name like '_S%' order by n_name desc limit 3
offset 1;
-- other15
select max(l_shipdate), min(l_shipdate), max(l_comment), min(c_name) from lineitem, orders, customer where l_orderkey=o_orderkey
and o_custkey=c_custkey;
-- other16
select o_orderdate from orders where o_orderdate = '1995-01-01' order by o_orderkey;
-- other17
select count(*) c, o_orderstatus from orders group by 2 having count(*) > 500 order by c;
-- other18
select substring(c_phone, 1, 2) cc, count(*), sum(c_acctbal), avg(c_acctbal) from customer group by substring(c_phone, 1, 2) order
by cc;
-- other19
select p_size % 7 as m, p_size / 7, -p_size from part where not (p_size > 3 or p_size is null) order by p_partkey limit 9;
-- other22
select * from region;
-- other23
select r_name as x, n.* from nation n, region where n_regionkey = r_regionkey and n_nationkey < 4 order by n_nationkey;
-- other24
select a.n_name, b.n_name from nation a join nation b on a.n_regionkey = b.n_regionkey where a.n_nationkey < b.n_nationkey and
a.n_nationkey < 3 order by 1,2;
-- other25
select count(*) from lineitem where l_shipdate > date '2050-01-01';
-- other26
select sum(l_quantity), avg(l_tax), count(l_tax) from lineitem where l_shipdate > date '2050-01-01';
-- other27
select l_shipmode from lineitem where l_shipdate > date '2050-01-01';
-- other29
select year(o_orderdate) y, month(o_orderdate) m, count(*) from orders group by y, m order by y, m limit 5;
-- other30
select c_acctbal, cast(c_acctbal as integer), cast(c_acctbal as double), cast(c_acctbal as decimal(10,1)) from customer order by
c_custkey limit 30;
-- other31
select case c_mktsegment when 'BUILDING' then 1 when 'MACHINERY' then 2 end k, count(*) from customer group by k order by k;
-- other32
select coalesce(case when c_acctbal < 0 then c_name end, 'none') k, count(*) from customer group by 1 order by 1 limit 5;
-- other33
select o_orderkey, o_totalprice from orders order by o_totalprice desc limit 5;
-- other34
select o_orderpriority, sum(o_totalprice) / count(*) from orders group by o_orderpriority order by sum(o_totalprice) desc;
-- other35
select l_shipmode, count(*) from lineitem join orders on l_orderkey = o_orderkey and o_totalprice > 400000 group by l_shipmode
order by l_shipmode;
-- other36
select count(*) from lineitem where l_quantity in (1, 2, 3.5) and l_shipinstruct not in ('NONE');
-- other37
select 1 + 2 * 3 from region limit 1;
-- other38
select c_name from customer where c_custkey = 5 or c_name like '%000000123';
-- other39
select sum(o_totalprice * 1.5), max(o_totalprice - 0.05) from orders;
-- other40
select o_orderdate + 3, o_orderdate - date '1992-01-01' from orders order by o_orderkey limit 3;
